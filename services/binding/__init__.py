"""Where a person is reached: device tokens bound to accounts, of push apps.

Owns: `BindingService`, in the vendor's shape, and `DeviceTokenService` for our own; the table `binding.binding`, the
function that changes it, its feed, and what says which calls were made.

Leaves to token: which push apps there are, who may speak for one, and their settings. Push app, cap and mode of a call
are what the caller's verified credential says, and nothing else.
"""
