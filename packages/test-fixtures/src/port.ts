/**
 * A port of 127.0.0.1 for a server that is restarted on the same address. It is outside the ephemeral range: the system may give
 * a port that it chose itself (port 0) to the next outgoing connection.
 */
export { freePort } from '@halles/test-servers/ports'
