"""NeuroGrid, the dispatch: forecasts, plans storage, and proposes orders. It proposes and never signs."""
