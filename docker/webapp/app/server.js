// The lab's webapp in plain Node: says who it is and how often this session was here, can be made
// slow, and takes jobs that must be done once. It knows neither balancer nor member.
'use strict';

const http = require('http');
const os = require('os');
const { Sessions } = require('./sessions');

const PORT = Number(process.env.PORT || 3000);
const HOST = os.hostname();
const TAG = process.env.TAG || HOST;
const BODY_LIMIT = 1024; // bytes of a request's body; {"delay": 2500} needs 15
const LONGEST_DELAY = 60_000; // ms
const JOB = 20; // ms that a job takes
const LAST_ANSWERS = 1_500; // ms for answers under way when it is told to end

const sessions = new Sessions('NODESESSID');
let delay = 0; // ms before each answer of `/`

const server = http.createServer((request, response) => {
  const path = request.url.split('?', 1)[0];
  const known = {
    '/': { GET: hello, HEAD: hello },
    '/delay': { POST: setDelay },
    '/jobs': { POST: job },
  }[path];
  if (!known) {
    return json(response, 404, { message: 'Not Found' });
  }
  const handler = known[request.method];
  if (!handler) {
    response.setHeader('allow', Object.keys(known).join(', '));
    return json(response, 405, { message: 'Method Not Allowed' });
  }
  return handler(request, response);
});

function hello(request, response) {
  setTimeout(answer, delay, request, response);
}

function answer(request, response) {
  const ip = address(request.socket);
  response.setHeader('x-backend-ip', ip);
  if (request.method === 'HEAD') {
    return json(response, 200, null); // a health check opens no session
  }
  const { session, id, cookie } = sessions.of(request.headers.cookie);
  if (cookie) {
    response.setHeader('set-cookie', cookie);
  }
  session.views += 1;
  const sessionViews = session.views;
  return json(response, 200, { hello: 'world!', ip, host: HOST, tag: TAG, sessionViews, id });
}

// The address of this container that the request came to.
function address(socket) {
  return (socket.localAddress || '').replace(/^::ffff:/, '');
}

function setDelay(request, response) {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk) => {
    body = (body + chunk).slice(0, BODY_LIMIT + 1);
  });
  request.on('end', () => {
    const wanted = parseDelay(body);
    if (wanted === null) {
      const message = `No delay configured: expected {"delay": ms} with 0 to ${LONGEST_DELAY} ms.`;
      return json(response, 400, { message });
    }
    delay = wanted;
    return json(response, 200, { message: `New timeout of ${delay}ms configured.` });
  });
}

// Work that must not be done twice. Each is a line in the log, where it can be counted.
function job(request, response) {
  const id = request.headers['x-request-id'] || '';
  request.resume(); // the body does not matter
  if (!/^[\w.-]{1,64}$/.test(id)) {
    const message = 'No job: expected an X-Request-Id of up to 64 letters, digits, dots or dashes.';
    return json(response, 400, { message });
  }
  console.log(`job ${id}`);
  return setTimeout(json, JOB, response, 200, { job: id, host: HOST });
}

function parseDelay(body) {
  let wanted;
  try {
    wanted = JSON.parse(body).delay;
  } catch {
    return null;
  }
  const fits = Number.isFinite(wanted) && wanted >= 0 && wanted <= LONGEST_DELAY;
  return fits ? wanted : null;
}

function json(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(value === null ? undefined : JSON.stringify(value));
}

// s6 and member send SIGTERM, by hand it may be SIGINT: answers under way are finished.
function stop() {
  console.log(`webapp ${TAG} stops`);
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), LAST_ANSWERS).unref();
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
server.listen(PORT, () => console.log(`webapp ${TAG} on port ${PORT}`));
