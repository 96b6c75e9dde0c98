"""What RoleThread Lite says and keeps, reproduced here for comparison and exchange. None of its code is used."""
