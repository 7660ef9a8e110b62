"""Brings a stage to AWS and keeps it right. Never part of the package: nothing that Lambda runs imports it."""
