"""Placement: beds, supporters and helpers that were arranged for a case."""
