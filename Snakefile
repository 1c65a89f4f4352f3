"""convscope: see what convolutional networks have learned. The rules, in the order of the work."""

from snakemake.utils import min_version

min_version("9.12")


configfile: f"{workflow.basedir}/config/config.yaml"


include: "workflow/rules/common.smk"


pathvars:
    results=PLAN.results,
    logs=f"{PLAN.results}/logs",
    benchmarks=f"{PLAN.results}/benchmarks",
    shared=SHARED,


report: "workflow/report/workflow.rst"


include: "workflow/rules/fetch.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/scenes.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/predictions.smk"
include: "workflow/rules/projections.smk"
include: "workflow/rules/units.smk"
include: "workflow/rules/occlusion.smk"
include: "workflow/rules/invariance.smk"
include: "workflow/rules/maximisation.smk"
include: "workflow/rules/inversion.smk"
include: "workflow/rules/report.smk"


rule all:
    """Everything that the configuration asks for."""
    default_target: True
    input:
        "<results>/report/index.html",
        SETTINGS.targets(),
