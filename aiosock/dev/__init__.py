"""Development: a program that restarts when its code changes, and pages that reload by themselves. Never loaded otherwise."""
