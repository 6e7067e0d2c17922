"""Where a person is reached: device tokens bound to accounts, of push apps.

Owns: `BindingService`; the table `binding.binding` and the functions that change it.

Leaves to token: which push apps there are, who may speak for one, and their settings. Push app, cap and mode of a call
are what the caller's verified credential says, and nothing else.
"""
