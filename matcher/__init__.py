"""The pure core of Commonweal: records and functions. No web, no database, no clock, no global randomness."""
