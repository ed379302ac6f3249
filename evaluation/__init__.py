"""Judged collections, measures, comparisons, a gate and a report. Imports matcher, never service."""
