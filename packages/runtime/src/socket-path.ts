/**
 * The longest path of a Unix socket, in bytes: `sun_path` holds 108 bytes on Linux (unix(7)) and 104 on
 * macOS, and the last one is NUL.
 */
export const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;
