"""Telemetry: the record of each request, which metrics, logs and traces are made of."""
