"""File names from ids and layers, whatever signs these hold."""

import hashlib
import re

SAFE = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def safe_name(text: str) -> str:
    """Return a file name for a text: the text itself where it is one.

    Others are cleaned and end in a digest, so that different texts have different names.
    """
    if SAFE.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]
    cleaned = re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:60].strip("_-")
    return f"{cleaned or 'name'}_{digest}"
