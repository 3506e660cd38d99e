"""Handover: cases passed from night to morning, and on to agencies and the ward's section."""
