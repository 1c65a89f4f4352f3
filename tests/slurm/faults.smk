"""Jobs to which something happens; each gets through at another attempt, but for one."""


rule all:
    input:
        expand("{job}.txt", job=["cancelled", "hungry", "lost", "slow", "failing"]),


rule cancelled:
    output:
        "cancelled.txt",
    resources:
        attempt=lambda wildcards, attempt: attempt,
    shell:
        "touch {rule}.{resources.attempt}; "
        "test {resources.attempt} -gt 1 || sleep 600; echo done > {output}"


rule lost:
    output:
        "lost.txt",
    resources:
        attempt=lambda wildcards, attempt: attempt,
    shell:
        "touch {rule}.{resources.attempt}; "
        "test {resources.attempt} -gt 1 || sleep 600; echo done > {output}"


rule slow:
    output:
        "slow.txt",
    resources:
        gpu=1,
        attempt=lambda wildcards, attempt: attempt,
        runtime=lambda wildcards, attempt: 1 if attempt == 1 else 5,
    shell:
        "touch {rule}.{resources.attempt}; "
        "test {resources.attempt} -gt 1 || sleep 600; echo done > {output}"


rule hungry:
    output:
        "hungry.txt",
    resources:
        attempt=lambda wildcards, attempt: attempt,
        mem_mb=lambda wildcards, attempt: 600 if attempt == 1 else 3000,
    shell:
        "touch {rule}.{resources.attempt}; "
        "python -c 'import time; much = b\"x\" * 700_000_000; time.sleep(5)'; echo done > {output}"


rule failing:
    output:
        "failing.txt",
    shell:
        "echo once >> tries; exit 3"
