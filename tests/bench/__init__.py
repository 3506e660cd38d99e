"""Benchmarks: `make bench` prints the figures of the README, each a median over rounds, with its topology."""
