"""Run a rule's script in this process, with what Snakemake would hand to it."""

import runpy
from types import SimpleNamespace

import yaml
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, ResourceList

from convscope.planning.plan import make_plan
from convscope.planning.settings import Settings
from snakemake_runs import ROOT, TINY, merged


def run_script(rule, settings, *, inputs=(), outputs, log, gpu=0, threads=1):
    """Run ``scripts/<rule>.py``; ``inputs`` and ``outputs`` are a list, or a dict for names."""
    job = SimpleNamespace(
        input=files(InputFiles, inputs),
        output=files(OutputFiles, outputs),
        log=Log([str(log)]),
        params=Params(fromdict={"settings": settings}),
        resources=ResourceList(fromdict={"gpu": gpu}),
        threads=threads,
    )
    runpy.run_path(str(ROOT / f"scripts/{rule}.py"), init_globals={"snakemake": job})


def files(kind, given):
    return kind(fromdict=given) if isinstance(given, dict) else kind([str(path) for path in given])


def settings_of(**changes):
    """Return the settings of the tiny experiment with changed keys, relative to this directory."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    for overlay in (yaml.safe_load(TINY.read_text()), changes):
        config = merged(config, overlay)
    return Settings(make_plan(config, [], ROOT))
