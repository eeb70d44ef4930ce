"""IPsec policies: the fields of the manual, in force in the host's IKE daemon."""
