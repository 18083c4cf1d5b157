"""What handlers see: requests, responses, routes. It awaits bodies and never touches a socket."""
