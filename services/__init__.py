"""The four services of Yoake, and the few things that they share."""
