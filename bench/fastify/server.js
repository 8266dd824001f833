// incidents/list as one would write it with Fastify and pg: rows to objects to JSON, row-level security set for each transaction,
// tokens verified and remembered. BENCH_DATABASE is a libpq-like {host, port, database, user}, BENCH_SECRET the HS256 key (base64url).
'use strict'
const crypto = require('node:crypto')
const pg = require('pg')

pg.types.setTypeParser(20, Number) // bigint: milliseconds and counters
const pool = new pg.Pool({ ...JSON.parse(process.env.BENCH_DATABASE), max: 8 })
const secret = Buffer.from(process.env.BENCH_SECRET, 'base64url')
const known = new Map()

function claims (authorization) {
  const token = (authorization || '').replace(/^Bearer /, '')
  if (known.has(token)) return known.get(token)
  const [header, payload, signature] = token.split('.')
  const right = crypto.createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')
  if (signature !== right) return null
  const read = JSON.parse(Buffer.from(payload, 'base64url'))
  known.set(token, read)
  return read
}

const COLUMNS = `i.incident_id, i.summary, i.priority, i.status, i.resolution, i.affected_hosts, i.host_based_iocs, i.network_based_iocs,
  i.detection_technology, i.creation_time, i.update_time, i.attack_stage, i.mitre_tactics, i.mitre_techniques, i.description,
  i.incident_number, i.client_description, i.status_description, i.origin, i.tenant_name, i.recommendations, i.client_comment`
const CHILDREN = `
  (select coalesce(json_agg(json_build_object('comment_id', c.comment_id, 'author_name', c.author_name, 'text', c.text,
      'creation_time', c.creation_time, 'origin', c.origin, 'was_read',
      c.author_reader = $2 or c.creation_time <= coalesce(rd.comments_upto, 0)) order by c.creation_time, c.comment_id), '[]')
     from comments c where c.client_id = i.client_id and c.incident_id = i.incident_id) as comments,
  (select coalesce(json_agg(json_build_object('attachment_id', a.attachment_id, 'author_name', a.author_name, 'caption', a.caption,
      'creation_time', a.creation_time, 'file_size', a.file_size, 'full_name', a.full_name, 'link',
      $3 || '/api/v1/' || a.client_id || '/attachments/' || a.attachment_id, 'origin', a.origin, 'was_read',
      a.author_reader = $2 or a.creation_time <= coalesce(rd.attachments_upto, 0)) order by a.creation_time, a.attachment_id), '[]')
     from attachments a where a.client_id = i.client_id and a.incident_id = i.incident_id) as attachments,
  (select coalesce(json_agg(json_build_object('response_id', p.response_id, 'type', p.type, 'details', json_build_object('file_path',
      p.file_path, 'file_size_limit', p.file_size_limit), 'parameters', p.parameters, 'asset_id', p.asset_id, 'status', p.status,
      'comment', p.comment, 'description', p.description, 'creation_time', p.creation_time, 'update_time', p.update_time, 'was_read',
      p.author_reader = $2 or p.creation_time <= coalesce(rd.responses_upto, 0), 'decide_until', p.decide_until, 'group_id',
      p.group_id, 'origin', p.origin, 'decided_by', p.decided_by, 'execution', p.execution)
      order by p.creation_time, p.response_id), '[]')
     from responses p where p.client_id = i.client_id and p.incident_id = i.incident_id) as responses`
const LIST = {
  name: 'list',
  text: `select ${COLUMNS}, i.author_reader = $2 or coalesce(rd.incident_read, false) as was_read, ${CHILDREN}
   from incidents i left join reads rd on rd.client_id = i.client_id and rd.reader_id = $2 and rd.incident_id = i.incident_id
  where i.client_id = $1 order by i.creation_time desc, i.incident_id desc limit $4`
}
const SCOPE = { name: 'scope', text: "select set_config('mdr.client', $1, true), set_config('mdr.tenants', '*', true)" }

async function read (client, reader, limit) {
  const connection = await pool.connect()
  try {
    // not awaited one by one: the driver sends the next as soon as the last is answered
    const all = [connection.query('begin'), connection.query({ ...SCOPE, values: [client] }),
      connection.query({ ...LIST, values: [client, reader, process.env.BENCH_PUBLIC_URL, limit] }), connection.query('commit')]
    return (await Promise.all(all))[2].rows
  } finally {
    connection.release()
  }
}

function host (text) {
  const colon = text.lastIndexOf(':')
  return { host_id: text.slice(colon + 1), host_name: text.slice(0, colon) }
}

function incident (row) {
  return { ...row, affected_hosts_mappings: row.affected_hosts.map(host), iocs: [...row.host_based_iocs, ...row.network_based_iocs] }
}

const app = require('fastify')()
app.post('/api/v1/:client_id/incidents/list', async (request, reply) => {
  const who = claims(request.headers.authorization)
  const [client, session] = (who ? who.sub : '+').split('+')
  if (!who || who.exp * 1000 < Date.now() || client !== request.params.client_id) return reply.code(403).send({ title: 'Forbidden' })
  return (await read(client, session, request.body.page_size || 1000)).map(incident)
})
app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' })
