"""Intake: registrations, contacts with the line, consultations; and the ward's rules as history."""
