import { Wampy } from './wampy.js'

const port = document.querySelector('meta[name=wamp-port]').content
const [door, room, title, people, messages, composer, status] =
  ['door', 'room', 'title', 'people', 'messages', 'composer', 'status'].map((id) => document.getElementById(id))

door.addEventListener('submit', (event) => {
  event.preventDefault()
  const { name, room } = Object.fromEntries(new FormData(door))
  enter(name.trim(), room).catch(tell)
})

async function enter(name, roomName) {
  tell('Connecting …')
  const enterRoom = () => session.call('chat.enter', [roomName, name])
  const session = new Wampy(`ws://${location.hostname}:${port}/ws`, {
    realm: 'chat',
    onClose: () => tell('The connection is lost.'),
    onReconnect: () => tell('Connecting again …'),
    // Subscriptions are made again by themselves.
    onReconnectSuccess: () => enterRoom().then(() => tell(''), tell),
  })
  await session.connect()
  try {
    await session.subscribe(`people.${roomName}`, ({ argsDict }) => showPeople(argsDict.people))
    await session.subscribe(`chat.${roomName}`, ({ argsDict }) => showMessage(argsDict))
    const { argsList } = await enterRoom()
    showPeople(argsList[0])
  } catch (error) {
    await session.disconnect()
    throw error
  }
  composer.addEventListener('submit', (event) => {
    event.preventDefault()
    const { text } = composer.elements
    const message = { name, text: text.value }
    // A publisher does not get its own event: the page shows the message once that is published.
    session.publish(`chat.${roomName}`, { argsDict: message }).then(() => showMessage(message, true), tell)
    text.value = ''
  })
  title.textContent = `# ${roomName}`
  door.hidden = true
  room.hidden = false
  composer.elements.text.focus()
  tell('')
}

/** What others sent is text, never markup: it goes to the page by textContent alone. */
function showMessage({ name, text }, own = false) {
  const message = element('li', element('b', String(name)), element('span', String(text)))
  message.classList.toggle('own', own)
  messages.append(message)
  message.scrollIntoView()
}

function showPeople(names) {
  people.replaceChildren(...names.map((name) => element('li', String(name))))
}

function element(tag, ...content) {
  const created = document.createElement(tag)
  created.append(...content)
  return created
}

function tell(what) {
  status.textContent = what?.errorUri ?? what?.message ?? what
}
