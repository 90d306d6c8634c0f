"""Measure accuracy and speed, and make the tables and figures."""
