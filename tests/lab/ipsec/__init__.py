"""IPsec on one machine: two hosts with an IKE daemon and a product each, and the wire between.

`hosts` makes the hosts, `product` what runs on them, `wire` listens in. The kernel of many
machines has no ESP: what needs it plays inside User-Mode Linux (`esp_kernel`), the rest (IKE,
traps, blocking) on the kernel that is there. `scenes` are what is played in either place.
"""
