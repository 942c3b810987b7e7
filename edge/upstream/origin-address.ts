// Opens connections to the origin by node:http or node:https. TLS checks the origin's own name, whatever Host the
// client sent.
import * as http from 'node:http';
import * as https from 'node:https';

export interface OriginAddress {
  request(options: http.RequestOptions): http.ClientRequest;
  createAgent(options: http.AgentOptions): http.Agent;
}

export function openOrigin(originUrl: string): OriginAddress {
  const { protocol, hostname, port } = new URL(originUrl);
  // URL keeps the brackets of an IPv6 address, sockets want none.
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol === 'https:') {
    return {
      request: (options) => https.request({ ...options, host, port, servername: host }),
      createAgent: (options) => new https.Agent(options),
    };
  }
  return {
    request: (options) => http.request({ ...options, host, port }),
    createAgent: (options) => new http.Agent(options),
  };
}
