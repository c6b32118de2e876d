"""Neighbor lists, equivalent atoms and soft nearest neighbors."""
