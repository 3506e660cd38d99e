"""Whole nights, simulated: the services' real code on a loop, a clock, a bus and disks that a seed drives."""
