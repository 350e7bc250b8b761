"""Charge points that report by OCPP, and the meters in them that sign."""
