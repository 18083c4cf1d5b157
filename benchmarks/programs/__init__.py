"""The servers that are compared, each as its users would write it: `python -m benchmarks.programs.NAME PORT`."""
