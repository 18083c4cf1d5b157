"""The programs of the servers, each as its users would write it: `python -m benchmarks.programs.NAME PORT`."""
