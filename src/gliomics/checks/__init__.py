"""Checks that look at data without computing anything from it."""
