"""The limit of every wait in a test."""

PATIENCE = 120.0
"""Seconds. It ends a test that would hang. It measures nothing: on a busy machine everything takes longer."""
