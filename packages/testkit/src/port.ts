/**
 * For what goes away and comes back at the same address: a port of 127.0.0.1 that nobody is given while nobody listens
 * there. One that the system chose (port 0) goes to the next connection that leaves this machine.
 */
export { freePort } from '@halles/servers/ports'
