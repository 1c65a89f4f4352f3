"""Jobs to which something happens; each gets through at another attempt, but for one.

At their first attempt those that wait to be hurt have written half of a file.
"""


rule all:
    input:
        expand("{job}.txt", job=["cancelled", "hungry", "lost", "slow", "failing"]),


rule cancelled:
    output:
        "cancelled.txt",
    resources:
        attempt=lambda wildcards, attempt: attempt,
        slurm_partition="gpu",
    shell:
        "echo half > {output}; touch {rule}.{resources.attempt}; "
        "test {resources.attempt} -gt 1 || sleep 600; echo {rule} > {output}"


rule lost:
    output:
        "lost.txt",
    resources:
        attempt=lambda wildcards, attempt: attempt,
    shell:
        "echo half > {output}; touch {rule}.{resources.attempt}; "
        "test {resources.attempt} -gt 1 || sleep 600; echo {rule} > {output}"


rule slow:
    output:
        "slow.txt",
    resources:
        gpu=1,
        attempt=lambda wildcards, attempt: attempt,
        runtime=lambda wildcards, attempt: 1 if attempt == 1 else 5,
    shell:
        "echo half > {output}; touch {rule}.{resources.attempt}; "
        "test {resources.attempt} -gt 1 || sleep 600; echo {rule} > {output}"


rule hungry:
    input:
        "cancelled.txt",
    output:
        "hungry.txt",
    resources:
        attempt=lambda wildcards, attempt: attempt,
        mem_mb=lambda wildcards, attempt: 600 if attempt == 1 else 3000,
        slurm_partition="gpu",
    shell:
        "echo half > {output}; "
        "python -c 'import time; much = b\"x\" * 700_000_000; time.sleep(5)'; echo {rule} > {output}"


rule failing:
    input:
        "cancelled.txt",
    output:
        "failing.txt",
    resources:
        slurm_partition="gpu",
    shell:
        "echo once >> tries; exit 3"
