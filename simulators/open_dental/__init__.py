"""Open Dental REST API: patients, appointments, procedures, payments, plans. Source: the vendor's API pages."""
