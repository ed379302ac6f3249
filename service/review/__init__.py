"""The review desk: what coordinators decide about pairings, for a proposed round or for a session."""
