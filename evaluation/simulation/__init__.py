"""A market simulated week by week, to compare ways of choosing suggestions before anybody is sent one."""
