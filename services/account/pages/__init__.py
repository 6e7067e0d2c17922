"""What people see: the pages of logon, and those of who is logged on.

Owns: which page follows which, what a browser keeps (a sealed cookie for each logon that is under way, one for each
domain that it is logged on to, one of who was proven in it), what pages say and look like. Leaves to others who is
proven (`connectors`), what a proven identity opens (`actions.logon`), and how a page gets to a browser
(`service.logon_service`, the gateway).

A page works without JavaScript; there is none. Nothing is written to the database before somebody proves something, but
for the codes that are sent (docs/adr/0081).
"""
