"""Benchmark of the statistics: how many labels a decision takes, and how often it is wrong."""
