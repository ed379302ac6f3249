"""The database. Nothing else in Commonweal speaks SQL."""
