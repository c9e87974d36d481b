"""Figures of traces and records: `object` explains one object, `pages` are reports, the modules here serve both."""
