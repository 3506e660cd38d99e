"""Sheets become messages: read, mapped, checked, sent by whoever calls, and copied with what is to be looked at.

Knows nothing of a terminal, a page or the bus.
"""
