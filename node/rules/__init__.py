"""Rules by which a member trades without being asked each time: signed by the member, ended by the member."""
