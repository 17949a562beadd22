export const overviewFr = {
  title: 'Aujourd’hui',
}
