"""Who is next to whom: pairs within a radius, the nearest of them, Voronoi faces."""
