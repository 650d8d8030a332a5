"""Planner: reads both sides, collects evidence, and builds the plan of a run."""
