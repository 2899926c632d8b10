"""Small changes to the core, each of which some test has to notice."""
