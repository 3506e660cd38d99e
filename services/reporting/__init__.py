"""Reporting: the ledger of all events in one order, and the tables that are folds of it."""
