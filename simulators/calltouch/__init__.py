"""Calltouch: calls diary and requests journal. Source of the format: the vendor's pages, recorded rows and clients."""
