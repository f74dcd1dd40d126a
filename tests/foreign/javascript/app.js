// A lunch bot as Bolt for JavaScript's documentation teaches it. It knows nothing of where it runs.

const { App } = require('@slack/bolt');

const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  signingSecret: process.env.SLACK_SIGNING_SECRET,
  appToken: process.env.SLACK_APP_TOKEN,
  socketMode: Boolean(process.env.SLACK_APP_TOKEN),
  clientOptions: process.env.SLACK_API_URL ? { slackApiUrl: process.env.SLACK_API_URL } : {},
});

const DISHES = ['Soup', 'Salad', 'Stew'];
const plain = (text) => ({ type: 'plain_text', text });
const option = (text) => ({ text: plain(text), value: text.toLowerCase() });
const button = (action_id, text, more = {}) => ({ type: 'button', action_id, text: plain(text), ...more });

function form(channel, note) {
  const search = { type: 'external_select', action_id: 'dish', placeholder: plain('Dish'), min_query_length: 1 };
  const place = { type: 'external_select', action_id: 'place', placeholder: plain('Place'), min_query_length: 0 };
  const blocks = [
    {
      type: 'input',
      block_id: 'name',
      label: plain('Name'),
      element: { type: 'plain_text_input', action_id: 'text' },
    },
    { type: 'section', block_id: 'dishes', text: plain('What?'), accessory: search },
    { type: 'input', block_id: 'places', optional: true, label: plain('Where'), element: place },
    { type: 'actions', elements: [button('more', 'More'), button('details', 'Details')] },
  ];
  if (note) {
    blocks.push({ type: 'section', block_id: 'note', text: { type: 'mrkdwn', text: note } });
  }
  return {
    type: 'modal',
    callback_id: 'order',
    private_metadata: channel,
    notify_on_close: true,
    title: plain('Order'),
    submit: plain('Send'),
    close: plain('Not now'),
    blocks,
  };
}

const page = (title, text) => ({
  type: 'modal',
  callback_id: 'page',
  title: plain(title),
  blocks: [{ type: 'section', text: { type: 'mrkdwn', text } }],
});

const home = (count) => ({
  type: 'home',
  blocks: [
    { type: 'header', text: plain('Canteen') },
    { type: 'section', text: { type: 'mrkdwn', text: `Opened *${count}* times` } },
    { type: 'actions', elements: [button('again', 'Again', { value: String(count) })] },
  ],
});

// Slash commands

app.command('/echo', async ({ ack, command }) => {
  await ack(`You said: ${command.text}`);
});

app.command('/announce', async ({ ack, respond, command }) => {
  await ack();
  await respond({ text: `Hear, hear: ${command.text}`, response_type: 'in_channel' });
});

app.command('/order', async ({ ack, body, client }) => {
  await ack();
  await client.views.open({ trigger_id: body.trigger_id, view: form(body.channel_id) });
});

app.command('/board', async ({ ack, say, command }) => {
  await ack();
  await say({
    text: 'The board',
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: `The board of <@${command.user_id}>` } },
      {
        type: 'actions',
        block_id: 'buttons',
        elements: [
          button('take', 'Take', { style: 'primary', value: '42' }),
          button('drop', 'Drop', { style: 'danger' }),
          button('tell', 'Tell'),
        ],
      },
      {
        type: 'actions',
        block_id: 'choices',
        elements: [
          {
            type: 'static_select',
            action_id: 'size',
            placeholder: plain('Size'),
            options: [option('Small'), option('Large')],
          },
          { type: 'datepicker', action_id: 'day', placeholder: plain('Day') },
          { type: 'overflow', action_id: 'rest', options: [option('Pin'), option('Forget')] },
        ],
      },
    ],
  });
});

app.command('/whisper', async ({ ack, client, command }) => {
  await ack();
  const found = command.text.match(/<@(\w+)/);
  await client.chat.postEphemeral({ channel: command.channel_id, user: found[1], text: 'Only you read this.' });
});

app.command('/menu', async ({ ack, client, command }) => {
  await ack();
  await client.filesUploadV2({
    channel_id: command.channel_id,
    filename: 'menu.txt',
    title: 'Menu',
    content: DISHES.join('\n'),
    initial_comment: "Today's menu",
  });
});

// Buttons, selects and pickers on a message

app.action('take', async ({ ack, body, action, respond }) => {
  await ack();
  await respond({ text: `Taken by <@${body.user.id}> for ${action.value}`, replace_original: true });
});

app.action('drop', async ({ ack, respond }) => {
  await ack();
  await respond({ delete_original: true });
});

app.action('tell', async ({ ack, respond }) => {
  await ack();
  await respond({ text: 'Between us', response_type: 'ephemeral', replace_original: false });
  await respond({ text: 'For everybody', response_type: 'in_channel', replace_original: false });
});

app.action({ block_id: 'choices', action_id: 'size' }, async ({ ack, body, say }) => {
  await ack();
  const values = body.state.values.choices;
  const chosen = values.size.selected_option.value;
  const day = values.day.selected_date ?? 'None';
  await say({ text: `size ${chosen}, day ${day}`, thread_ts: body.message.ts });
});

app.action('day', async ({ ack, action, body, client }) => {
  await ack();
  await client.chat.update({
    channel: body.channel.id,
    ts: body.message.ts,
    text: `The board for ${action.selected_date}`,
    blocks: body.message.blocks,
  });
});

app.action('rest', async ({ ack, action, body, say }) => {
  await ack();
  await say({ text: `rest: ${action.selected_option.value}`, thread_ts: body.message.ts });
});

// The form

app.options('dish', async ({ ack, payload }) => {
  const typed = (payload.value ?? '').toLowerCase();
  await ack({ options: DISHES.filter((one) => one.toLowerCase().includes(typed)).map(option) });
});

app.options('place', async ({ ack }) => {
  const inside = { label: plain('Inside'), options: [option('Hall'), option('Desk')] };
  const outside = { label: plain('Outside'), options: [option('Garden')] };
  await ack({ option_groups: [inside, outside] });
});

app.action('dish', async ({ ack, action, body, client }) => {
  await ack();
  const view = form(body.view.private_metadata, `*${action.selected_option.text.text}* it is`);
  await client.views.update({ view_id: body.view.id, hash: body.view.hash, view });
});

app.action('more', async ({ ack, body, client }) => {
  await ack();
  const view = form(body.view.private_metadata, 'There is _more_');
  await client.views.update({ view_id: body.view.id, hash: body.view.hash, view });
});

app.action('details', async ({ ack, body, client }) => {
  await ack();
  await client.views.push({ trigger_id: body.trigger_id, view: page('Details', 'All of them') });
});

app.view('order', async ({ ack, view, body, client }) => {
  const { values } = view.state;
  const name = values.name.text.value;
  if (name === 'nobody') {
    await ack({ response_action: 'errors', errors: { name: 'Somebody has to eat it' } });
  } else if (name === 'look') {
    await ack({ response_action: 'update', view: page('Look', 'Looked up') });
  } else if (name === 'ask') {
    await ack({ response_action: 'push', view: page('Sure?', 'Are you sure?') });
  } else if (name === 'never mind') {
    await ack({ response_action: 'clear' });
  } else {
    await ack();
    const place = values.places.place.selected_option;
    await client.chat.postMessage({
      channel: view.private_metadata,
      text: `${name} eats, says <@${body.user.id}>, ${place ? place.value : 'nowhere'}`,
    });
  }
});

app.view({ callback_id: 'order', type: 'view_closed' }, async ({ ack, body, client }) => {
  await ack();
  const cleared = body.is_cleared ? 'True' : 'False';
  await client.chat.postMessage({ channel: body.view.private_metadata, text: `cleared: ${cleared}` });
});

// Shortcuts and Home

app.shortcut('new_order', async ({ ack, shortcut, client }) => {
  await ack();
  await client.views.open({ trigger_id: shortcut.trigger_id, view: form('-') });
});

app.shortcut('quote', async ({ ack, shortcut, say, respond, client }) => {
  await ack();
  const link = await client.chat.getPermalink({
    channel: shortcut.channel.id,
    message_ts: shortcut.message_ts,
  });
  await say({ text: `> ${shortcut.message.text}\n${link.permalink}`, thread_ts: shortcut.message_ts });
  await respond({ text: 'Quoted' });
});

app.event('app_home_opened', async ({ event, client }) => {
  if (event.tab === 'home') {
    await client.views.publish({ user_id: event.user, view: home(event.view ? 2 : 1) });
  }
});

app.action('again', async ({ ack, body, action, client }) => {
  await ack();
  const view = home(Number(action.value) + 10);
  await client.views.publish({ user_id: body.user.id, hash: body.view.hash, view });
});

// Events

app.message(/(hi|hello|hey)/, async ({ say, message, context }) => {
  await say({ text: `${context.matches[0]}, <@${message.user}>`, thread_ts: message.thread_ts });
});

app.event('app_mention', async ({ event, say }) => {
  await say({ text: `You called, <@${event.user}>?`, thread_ts: event.thread_ts ?? event.ts });
});

app.event('reaction_added', async ({ event, client }) => {
  await client.reactions.add({ channel: event.item.channel, timestamp: event.item.ts, name: 'eyes' });
});

app.event('member_joined_channel', async ({ event, say }) => {
  await say(`Welcome, <@${event.user}>`);
});

(async () => {
  await app.start({ port: process.env.PORT || 3000, host: '127.0.0.1' });
})();
