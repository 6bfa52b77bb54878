"""How Django hands over single mails: sign-in codes, bills, the welcome."""
