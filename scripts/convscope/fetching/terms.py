"""The terms under which ImageNet's pictures are lent, said wherever they are fetched."""

import logging

TERMS = "https://www.image-net.org/download.php"


def is_imagenet(url: str) -> bool:
    """Tell whether an address speaks of ImageNet."""
    return "imagenet" in url.lower()


def imagenet_notice(logger: logging.Logger) -> None:
    """Log ImageNet's terms of access with the link."""
    logger.info(
        "These pictures are ImageNet's: non-commercial research and educational use only, their "
        "copyrights are with their owners, don't publish or pass them on. By fetching them you "
        "accept the terms of access at %s",
        TERMS,
    )
